"""Where on earth a position is: country, time zone and the nearest settlement, from packed files that all workers share."""
