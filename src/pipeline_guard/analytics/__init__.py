"""What history tells: healing, time, money, flaky tests, a week in short; pandas over rows."""
