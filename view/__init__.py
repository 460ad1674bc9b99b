"""Drawings that the pages share. A page chooses, calls the core and draws; how things look is said here.

The frame and what every page draws:
lab                the frame: which database, which experiment, links, the first start
texts              a model's text on the page: escaped, folded; word diffs
words              the embedded language as people read and write it; a critique in plain words
numbers            shares, intervals, p-values and money as text
columns            how numbers of a table are shown
charts             stored Plotly figures
code               copy as code: the cell beside a figure or a table
live               a job: badge, pipeline, log
background         commands that belong to no experiment, as processes of their own

Overview and run:
findings           what an experiment found, as cards
learned            what each model learned from, by weights or in words
spending           what a round took at an endpoint
measure            pass@k, as a process of its own
measures           inside a panel, exploration and exploitation, who earned what
measuring          a measurement as a process of its own: start, progress, stop
pocket             what the embedded model is and is not
data               what a dataset holds, where it is chosen and where it was played
form               the form of a new experiment, made from the settings
form_data          under the fields of problems: columns, counts, the first rows
form_endpoint      around the fields of an endpoint: servers, keys, prices, check-up
servers            endpoints that may be asked, and which key would be read
checkup            the doctor's twenty calls
estimates          what a pilot says the whole would cost
arms               the first look: four arms on one's own problems; a run's place in its contrast

Contrast:
contrast_plan      question, seeds, what is held equal; what is wrong, how long, the TOML that says the same
contrast_draft     the plan that is being made
contrast_arms      its arms as cards
contrast_sources   a plan from a lesson or a TOML text
contrast_predict   what people expect before it begins
contrast_live      how far it is, the curves of all seeds, stop, go on
contrast_verdict   the sentence, what it stands on, what was equal
contrast_flips     problems that flipped, both episodes side by side

Explore:
explore_table      every episode: filters, words in the turns, fifty at a time
said               words in the turns: the index that is built when somebody first asks
timeline           an episode as a connected line of turns
episodes           what is said of one episode: verdict, turns, critique, before and after
reads              what a model read in place of what it was handed
explore_story      the story around an episode: its repair, other rounds, what it replays
asked              questions about an episode: asked, followed, listed
whatif             a turn says something else: the edit in its place, the answer, the branches
blame              which turn was to blame

Actor and critic:
actor_critic_flow  what judging and revising did: in a sentence, as a picture, as tiles
actor_critic_cell  the episodes of one tile

Games:
games_words        games as people read them: roles, amounts, opponents
games_choose       which game, which seat, against whom
games_play         a person's games in this session: the table in the address, who answers, what is kept
games_seat         the table: what one has, the conversation
games_moves        what one may say now
games_end          the end: both payoffs, what was hidden, the score so far
games_pick         which stored game is shown
games_table        one game as a table
games_cross        every player against every other

Review:
review_queue       which item is in view; filters; many at once
review_item        the repair: the diff, the edit, where it leads, the reasons
review_side        what stands beside it: critique, replays, the problem
review_tries       what is tried before it is saved
review_blind       a blind item, judged before it is shown
review_doing       how am I doing
review_over        the end of a round's review
small_bars         small bars with their numbers beside them
decisions          the bar with which one decides
actions            what a reviewer does, checked again when it is done
desk               progress, the last decisions, the keys, one's name
trial              a person's edit or critique, played on at once
waiting            what waits for a person
instructions       rewritten instructions before a person
agreement          do reviewers agree; second looks
worth              what reviewing bought

Library and settings:
library_examples   a training set as a table
library_chain      one example's way back and forward
library_training   the loss, the first batch, the hardest examples
library_export     files for other tools; a round derived anew
imports            traces from elsewhere
upkeep             the database as a whole: state, check, snapshot

Lesson:
lesson_question    a question to vote on, and only then what came of it
lesson_again       a lesson run again with one's own seed and one setting changed
lesson_steps       one try through the six steps of a round
lesson_train       the fifth of them: the examples, the loss, the gate
lesson_stories     which try is stepped through; back, next, another
lesson_algorithm   the lines of Algorithms 1 and 2, lit as they apply
lesson_ask         one problem to the base and to the team side by side
"""
