package config

import (
	"fmt"
	"strings"
)

// uploadToken belongs to `plateau upload`, and may be set for a server on the same machine too.
const uploadToken = envPrefix + "TOKEN"

// parseEnviron records each variable of ours, and warns of those that begin like ours but are not.
func parseEnviron(environ []string) (layer, []string) {
	l := layer{
		texts:  map[string]string{},
		origin: func(name string) string { return "environment " + envName(name) },
	}
	byVariable := map[string]string{}
	var variables []string
	for _, name := range append(names(), configName) {
		byVariable[envName(name)] = name
		variables = append(variables, envName(name))
	}
	var warnings []string
	for _, entry := range environ {
		variable, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(variable, envPrefix) || variable == uploadToken {
			continue
		}
		if name, ok := byVariable[variable]; ok {
			l.texts[name] = text
			continue
		}
		warnings = append(warnings, fmt.Sprintf("unknown environment variable %s; the nearest known is %s",
			plain(variable), Nearest(variable, variables)))
	}
	return l, warnings
}
