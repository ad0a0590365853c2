"""Say how many examples the property tests draw: a few at the desk, many by ``make test-slow``."""

from hypothesis import settings

settings.register_profile("sample", max_examples=8, deadline=None)
settings.register_profile("many", max_examples=300, deadline=None)
settings.load_profile("sample")
