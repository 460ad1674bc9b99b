"""Drawings that the pages share. A page chooses, calls the core and draws; how things look is said here.

lab           the frame: which database, which experiment, links, the first start
numbers       shares, intervals, p-values and money as text
words         the embedded language as people read and write it; a critique in plain words
texts         a model's text on the page: escaped, folded; word diffs
episodes      one episode as a timeline; before and after a repair
reads         what a model read in place of what it was handed
live          a job: badge, pipeline, log
charts        stored Plotly figures
findings      what an experiment found, as cards
learned       what each model learned from, by weights or in words
library_examples  a training set as a table; library_chain: one example's provenance; library_training: the loss, the
              first batch, the hardest examples; library_export: files for other tools
spending      what a round took at an endpoint
measure       pass@k, as a process of its own
pocket        what the embedded model is and is not
data          what a dataset holds, where it is chosen and where it was played
form          the form of a new experiment; form_data and form_endpoint are what stands around its fields
servers       endpoints that may be asked, and which key would be read
checkup       the doctor's twenty calls
estimates     what a pilot says the whole would cost
arms          the first look: four arms on one's own problems
background    commands that belong to no experiment, as processes of their own
waiting       what waits for a person
desk          what a reviewer has at hand beside the item
decisions     the bar with which one decides
actions       what a reviewer does
instructions  rewritten instructions before a person
trial         a person's edit, played on at once
"""
