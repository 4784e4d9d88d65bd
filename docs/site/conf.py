"""The pages of this repository as a site, by Sphinx: `make docs` builds it in site/.

The site has the folders of the repository, so that a link between two pages is the same in both.  toc.yml: the order.
"""

project = "rnnlab"
extensions = ["myst_parser", "sphinx_external_toc"]
include_patterns = ["*.md", "conf/*.md", "experiments/*.md", "docs/*.md"]
exclude_patterns = ["site", "outputs", ".*"]  # folders that need not be searched
external_toc_path = "docs/site/toc.yml"

myst_heading_anchors = 3  # links to headings, with the names that GitHub gives them
smartquotes = False

html_theme = "furo"  # the reader's own fonts, and nothing from another server
html_title = "rnnlab"
html_copy_source = html_show_sourcelink = html_show_copyright = html_show_sphinx = False
pygments_style, pygments_dark_style = "friendly", "monokai"
