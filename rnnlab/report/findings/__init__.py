"""Tables, verdicts and figures of a study within a page of Markdown, written from its records.

A page has blocks between markers, which no reader sees.  The opening one says what the block shows, so that the page
is complete in itself:

    <!-- rnnlab: table rows=init.recurrent columns=cell values=learned,score where=task=adding -->
    ...
    <!-- rnnlab: end -->

markers   a page -> its blocks, and the page with other text in them
queries   what an opening marker asks for
stored    the study's records -> the tables of results/<page>/ beside the page, which every block is made of
cells     the runs behind one cell of a table, at the settings that their seeds chose
marks     what a reader must know beside a verdict
conditions_table, verdict_tables   from the stored tables to Markdown
fill      all of it: rnnlab-report DIR --fill PAGE
"""
