// What is wrong with the layout of the page as it stands, a line each: sideways scrolling, text cut, widgets that overlap.
() => {
  const found = [], wide = document.documentElement.clientWidth;
  const name = e => {
    const key = [...(e.closest('[class*="st-key-"]')?.classList || [])].find(c => c.startsWith('st-key-')) || '';
    const kind = e.closest('[data-testid]')?.dataset.testid || e.tagName.toLowerCase();
    return `${kind} ${key} «${(e.innerText || e.value || '').trim().replace(/\s+/g, ' ').slice(0, 50)}»`.replace('  ', ' ');
  };
  const seen = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true});
  const box = e => { const r = e.getBoundingClientRect(); return {l: r.left, r: r.right, t: r.top, b: r.bottom, w: r.width, h: r.height}; };
  const main = document.querySelector('[data-testid=stMain]') || document.body;

  // nothing scrolls sideways: not the page, not its scrolling part
  for (const e of [document.scrollingElement, main, document.querySelector('[data-testid=stSidebar][aria-expanded=true] [data-testid=stSidebarContent]')])
    if (e && e.scrollWidth > e.clientWidth + 1) {
      found.push(`scrolls sideways: ${e.scrollWidth} in ${e.clientWidth} px (${e.dataset.testid || e.tagName})`);
      for (const c of e.querySelectorAll('*')) {
        const b = box(c);
        if (b.w && b.r > e.getBoundingClientRect().right + 1 && seen(c) && ![...c.children].some(x => box(x).r >= b.r)) {
          found.push(`  reaches ${Math.round(b.r)} px: ${name(c)}`);
          break;
        }
      }
    }

  // no text is cut: what a box hides beyond its edge, and what stands beyond the window
  const scrolls = v => v === 'auto' || v === 'scroll';
  for (const e of main.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !seen(e) || e.closest('[data-testid=stDataFrame], .js-plotly-plot, svg, [aria-hidden=true]')) continue;
    const b = box(e);
    if (b.w <= 1 || b.h <= 1) continue;  // for screen readers only
    const range = document.createRange();
    range.selectNodeContents(e);
    const text = range.getBoundingClientRect();
    for (let p = e; p && p !== main.parentElement; p = p.parentElement) {
      const style = getComputedStyle(p), edge = p.getBoundingClientRect();
      if (scrolls(style.overflowX) || scrolls(style.overflowY)) break;
      if (style.position === 'fixed') break;
      const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible';
      if (hides && edge.width > 1 && (text.right > edge.right + 2 || text.left < edge.left - 2
                                      || text.bottom > edge.bottom + 3 || text.top < edge.top - 3)) {
        found.push(`text cut: ${name(e)}`);
        break;
      }
    }
    if (text.right > wide + 1 || text.left < -1) found.push(`beyond the window: ${name(e)}`);
  }

  // what is painted of it: a widget is its box, a text the lines of its letters
  const ink = e => {
    if (e.matches('button, input, textarea, [role=radio]')) return box(e);
    const lines = [], texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const up = texts.currentNode.parentElement;
      if (up.closest('details:not([open])') && !up.closest('summary')) continue;
      const range = document.createRange();
      range.selectNodeContents(texts.currentNode);
      lines.push(...[...range.getClientRects()].filter(r => r.width > 2 && r.height > 2));
    }
    if (!lines.length) return null;
    const [l, r] = [Math.min(...lines.map(x => x.left)), Math.max(...lines.map(x => x.right))];
    const [t, b] = [Math.min(...lines.map(x => x.top)) + 3, Math.max(...lines.map(x => x.bottom)) - 3];
    return {l, r, t, b, w: r - l, h: b - t};
  };

  // no two of what can be seen or pressed lie over each other
  const leaves = [...main.querySelectorAll(
    '[data-testid=stElementContainer], [data-testid=stMarkdownContainer], button, input, textarea, [role=radio], a[href]')]
    .filter(e => seen(e) && !e.closest('[data-testid=stDataFrame], .js-plotly-plot, [data-testid=stBottom]')
                 && !e.querySelector('[data-testid=stElementContainer], button, input, textarea, a[href]'))
    .map(e => [e, ink(e)]).filter(([e, b]) => b && b.w > 2 && b.h > 2);
  for (let i = 0; i < leaves.length; i++)
    for (let j = i + 1; j < leaves.length; j++) {
      const [a, p] = leaves[i], [b, q] = leaves[j];
      if (a.contains(b) || b.contains(a)) continue;
      const w = Math.min(p.r, q.r) - Math.max(p.l, q.l), h = Math.min(p.b, q.b) - Math.max(p.t, q.t);
      if (w > 3 && h > 4) found.push(`overlap ${Math.round(w)}x${Math.round(h)}: ${name(a)} | ${name(b)}`);
    }
  return [...new Set(found)].slice(0, 30);
}
