"""The function, with a salt that is read again every second: a run does not last long enough for five minutes."""

from lambda_src import handler, salt

salt.REFRESH_SECONDS = 1
salt.RETRY_SECONDS = 1
lambda_handler = handler.lambda_handler
