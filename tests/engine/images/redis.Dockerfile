# In place of redis:8-alpine: Debian's Redis 8.
FROM debian
RUN apt-get update -qq && apt-get install -yqq --no-install-recommends redis-server
USER 999:1000
CMD ["redis-server"]
