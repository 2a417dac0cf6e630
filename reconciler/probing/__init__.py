"""Predictions on the inputs of probes: what a plan does to them, and whether an apply left them as expected. Writes nothing.

questions.py  which inputs are predicted on which versions
asking.py     predictions, in batches and in flight together, each one once
previewing.py a plan and its probes → what the plan does to predictions
checking.py   the expectations of probes → met or missed, on live versions
"""
