"""What running the assistant costs, and what is changing.

``costs``  tokens and hours in money, by the prices in ``data/catalog``
"""
