"""The only package in which anything happens on the network.

It performs the steps of `outcrop.bedrock.call`, dials out, and knows the environment, the clock and
where credentials come from.
"""
