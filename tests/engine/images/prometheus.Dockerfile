# In place of prom/prometheus: Debian's.
FROM debian
RUN apt-get update -qq && apt-get install -yqq --no-install-recommends prometheus wget \
    && install -d -o nobody -g nogroup /prometheus
USER nobody
WORKDIR /prometheus
VOLUME /prometheus
ENTRYPOINT ["prometheus"]
