"""The processes of one run: how they start, agree, stop together, and use memory."""
