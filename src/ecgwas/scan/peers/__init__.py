"""Association programs of other authors, run on the same participants, variants and relationship as the scan, for comparison.

contract.py     what a program is given and returns
material.py     the files that it reads
programs.py     starting it
agreement.py    its tests compared with ours
plink2_glm.py, gemma.py (and JAMMA), bolt.py, fastlmm.py    one per program
"""

from __future__ import annotations

from ecgwas.scan.peers import bolt, fastlmm, gemma, plink2_glm

PEERS = {peer.name: peer for peer in (plink2_glm.PEER, gemma.GEMMA, bolt.PEER, gemma.JAMMA, fastlmm.PEER)}
"""Name -> program, in the order in which they are run."""
