"""What is kept under seal: the company's keys, and the audit that only two people together can read."""
