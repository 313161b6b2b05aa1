#!/bin/sh
# Prints a directory for the temporary files of tests. It is in memory if 4 GiB are free there and programs can run from it.
try=/dev/shm/davit-$$
if [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 4194304 ] 2>/dev/null &&
	printf '#!/bin/sh\n' >$try && chmod +x $try && $try; then
	echo /dev/shm
else
	echo "${TMPDIR:-/tmp}"
fi 2>/dev/null
rm -f $try
