"""Reports on `pulumi preview` for reviewers: what it means for the agents, for one stack or a fleet."""

from review.build import build
from review.facts import Facts
from review.markdown import render
from review.model import Review, Verdict
from review.preview import Preview, PreviewError, parse

__all__ = ["Facts", "Preview", "PreviewError", "Review", "Verdict", "build", "parse", "render"]
