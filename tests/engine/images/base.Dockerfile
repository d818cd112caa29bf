# The Debian that debootstrap made, with how this machine reaches Python's packages.
FROM debian
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
