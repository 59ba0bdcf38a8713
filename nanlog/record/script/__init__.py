"""An unchanged script under the recorder: ``nanlog record train.py``.

``running`` runs it as Python would, ``on_import`` waits for torch, ``watch`` finds its steps through torch's hooks.
"""
