#!/bin/sh
set -e
printf '#!/bin/sh\necho "%s"\n' "${MESSAGE:-hello}" > /usr/local/bin/greet
chmod 0755 /usr/local/bin/greet
