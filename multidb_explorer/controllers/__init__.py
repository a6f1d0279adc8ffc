"""What the panels do, without any Jupyter: messages in, messages out."""

from __future__ import annotations
