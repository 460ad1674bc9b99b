"""Drawings that the pages share. A page chooses, calls the core and draws; how things look is said here.

lab        the frame: which database, which experiment, links, the first start
numbers    shares, intervals and p-values as text
words      the embedded language as people read and write it; word diffs; a critique in plain words
episodes   one episode as a timeline; before and after a repair
live       a job: badge, pipeline, log
charts     stored Plotly figures
findings   what an experiment found, as cards
"""
