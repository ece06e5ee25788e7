"""Features against outcomes: diseases, measurements and survival of the participants. Arrays in, arrays out, except in
the last five, which read the users' tables.

newton.py             maximisation of a likelihood, shared by all models
checks.py             what is refused, participants with the same missing values, why a test has no result
score.py              score tests of all features with all outcomes, from null models of the covariates
logistic.py           null models of binary outcomes
logistic_fit.py       maximum likelihood and Firth's penalised likelihood of chosen tests
risk_sets.py          sums over the participants at risk at each event, with Efron's ties, late entry and strata
cox.py                null models of survival outcomes
cox_fit.py            maximum partial likelihood of chosen tests, and the test of proportional hazards
linear.py             numeric outcomes, with ordinary or heteroscedasticity-consistent standard errors
permutation.py        the largest association in each permutation of the participants
measures.py           discrimination and calibration of a score: AUROC, AUPRC, Brier score, bootstrap
concordance.py        Harrell's C index
phecodes.py           cases and controls of diseases from records of diagnoses
first_occurrences.py  prevalent and incident cases from dates of diagnosis relative to the ECG
outcome.py            an outcome of the participants tested, and whom it excludes and why
person_tables.py      the users' tables by participant, and the table of follow-up
dated.py              the outcomes of one dated disease
sources/              a file for each kind of table of outcomes
phenome.py            all traits with all outcomes: screen, threshold, estimates
"""
