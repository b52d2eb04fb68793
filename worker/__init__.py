"""The second process: takes a job from the queue and sees it through to its end."""
