"""Two open checkpoints side by side: which tensors differ, by how much, and where in a tensor."""

from inspector.gui.comparison_page.page import ComparisonPage as ComparisonPage
