"""The trials: releases killed at every effect, calls broken in every way, and the proof that is written of them."""
