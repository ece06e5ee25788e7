"""The words by which terms are grouped if no ontology groups them and the study does not set words.

An entry matches at the start of a word, in upper or lower case: "arter" matches "arterial disorder" but not "quarter". An entry
that begins with * matches anywhere in a word: "*cardi" matches "tachycardia". Hyphens and underscores count as spaces.
"""

from __future__ import annotations

CARDIOVASCULAR = (
    "heart", "*cardi", "atrial", "atrium", "atriovent", "sinoatrial", "ventric", "valve", "mitral", "tricuspid",
    "septal defect", "*vascul", "blood vessel", "aort", "coronary", "arter", "vein", "venous", "capillary", "angiogen",
    "angiopath", "angina", "vasoconstr", "vasodilat", "circulatory", "blood circulation", "hemodynamic", "haemodynamic",
    "blood pressure", "pulse pressure", "hypertens", "hypotens", "atheroscler", "aneurysm", "ischem", "ischaem",
    "infarct", "stroke", "thrombos", "thrombotic", "thromboembol", "embolism", "*arrhythm", "syncop", "palpitation",
    "pacemaker", "sinus node", "sinus rhythm", "bundle branch", "brugada", "ecg", "ekg", "qt", "qrs", "pr interval",
    "p wave", "t wave", "st segment", "muscle contraction",
)  # fmt: skip
"""Words of the heart and the vessels."""

CARDIOVASCULAR_EXCEPT = (
    "qtl", "heartburn", "heart shaped", "cardiolipin", "cardinal", "*nocardi", "gastric cardia", "stomach cardia",
    "cardia of stomach", "cardia carcinoma", "mitral cell", "cerebral ventric", "brain ventric", "lateral ventric",
    "third ventric", "fourth ventric", "ventricle of brain", "ventriculomegaly", "ventricular zone", "anal valve",
    "urethral valve", "ileocecal valve", "nasal valve", "nasal sept", "ocular hypertens", "intraocular hypertens",
    "intracranial hypertens", "ocular hypotens", "avascular necrosis", "heat stroke", "power stroke",
    "circadian pacemaker", "ludwig angina", "vincent angina", "skeletal muscle contraction",
    "uterine smooth muscle contraction", "intestinal smooth muscle contraction", "airway smooth muscle contraction",
    "vascular plant",
)  # fmt: skip
"""Words that resemble cardiovascular ones but are not; removed before the others are searched for."""

IMMUNE = (
    "immun", "*immune", "antibod", "antigen binding", "antigen processing", "antigen presentation", "*inflamm",
    "leukocyt", "leucocyt", "lymphocyt", "neutrophil", "eosinophil", "basophil", "monocyt", "macrophage",
    "dendritic cell", "t cell", "b cell", "natural killer", "cytokine", "chemokine", "interleukin", "interferon",
    "mhc ", "hla ", "complement activation", "allerg", "asthma", "infection", "infectious", "cold sore", "herpes",
    "sepsis", "vaccin", "rheumatoid", "lupus", "c reactive protein",
)  # fmt: skip
"""Words of immunity and inflammation."""

NEUROLOGICAL = (
    "neuro", "*neuron", "nerv", "brain", "cerebr", "cerebell", "visual cortex", "prefrontal cortex", "motor cortex",
    "hippocamp", "spinal cord", "axon", "dendrit", "synap", "*myelin", "glia ", "glial", "cogniti", "intelligence",
    "memory", "seizure", "epilep", "dementia", "alzheimer", "parkinson", "schizophren", "depressive", "depression",
    "migraine", "ataxia", "headache", "intellectual disability", "psych",
)  # fmt: skip
"""Words of the nervous system."""

METABOLIC = (
    "metabolite", "metabolic disease", "metabolic disorder", "metabolic syndrome", "metabolism measurement",
    "abnormality of metabolism", "error of metabolism", "energy metabol", "lipid metabol", "carbohydrate metabol",
    "vitamin", "glucose", "glycem", "glycaem", "*glycemi", "*glycaemi", "glycoly", "glycogen", "insulin", "diabet",
    "*lipid", "lipoprotein", "chylomicron", "hdl", "ldl", "vldl", "triacylglycerol", "triglyceride", "diacylglycerol",
    "*cholesterol", "cholesteryl", "phosphatidyl", "sphingomyelin", "ceramide", "fatty acid", "obes", "body mass index",
    "adipos", "urate", "uric acid", "creatinine", "amino acid measurement",
)  # fmt: skip
"""Words of metabolism."""
