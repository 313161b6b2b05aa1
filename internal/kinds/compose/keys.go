package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/textdist"
	"gopkg.in/yaml.v3"
)

// The keys that docker compose knows, by the schema of compose-go: of a compose file, and of a service. It refuses others,
// but for those that begin with "x-".
var (
	topKeys = strings.Fields("configs include models name networks secrets services version volumes")

	serviceKeys = strings.Fields(`annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
		cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
		develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
		external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links
		logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks
		oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_start pre_stop privileged profiles
		provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open
		stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes
		volumes_from working_dir`)
)

// checkKeys reports a key that docker compose does not know.
func checkKeys(mapping *yaml.Node, known []string) error {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		if key.Tag == "!!merge" || strings.HasPrefix(key.Value, "x-") || slices.Contains(known, key.Value) {
			continue
		}
		if suggestion := textdist.Suggest(key.Value, known); strings.HasPrefix(suggestion, "did you mean") {
			return fmt.Errorf("docker compose does not know the key %q: %s", key.Value, suggestion)
		}
		return fmt.Errorf("docker compose does not know the key %q", key.Value)
	}
	return nil
}

// isNull reports whether a node is there and has no value.
func isNull(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.Tag == "!!null"
}

// hasValue reports whether a node is a text.
func hasValue(node *yaml.Node, text string) bool { return node != nil && node.Value == text }
