package plateau_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/DEPENDENCIES.md has each direct dependency of each manifest in its version, and no other.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("docs/DEPENDENCIES.md")
	if err != nil {
		t.Fatal(err)
	}
	manifests := map[string]func(*testing.T, string) map[string]string{
		"go.mod": direct, "bench/go.mod": direct, "tools.mod": tools, "web/package.json": npm, "e2e/node/package.json": npm, "e2e/kafka/pom.xml": maven,
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| [^|]*20\\d\\d-\\d\\d-\\d\\d[^|]* \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$")
	for _, section := range strings.Split(string(text), "\n## `")[1:] {
		name, rest, _ := strings.Cut(section, "`")
		read := manifests[name]
		if read == nil {
			t.Errorf("there is a section of %s, which is no manifest", name)
			continue
		}
		delete(manifests, name)
		listed := map[string]string{}
		for _, r := range row.FindAllStringSubmatch(rest, -1) {
			listed[r[1]] = r[2]
		}
		if lines := strings.Count(rest, "\n| `"); lines != len(listed) {
			t.Errorf("%s: %d of %d rows can be read", name, len(listed), lines)
		}
		used := read(t, name)
		for module, version := range used {
			if listed[module] != version {
				t.Errorf("%s has %s %s, the list %q", name, module, version, listed[module])
			}
		}
		for module := range listed {
			if used[module] == "" {
				t.Errorf("%s is listed, but %s doesn't have it", module, name)
			}
		}
	}
	for name := range manifests {
		t.Errorf("%s has no section", name)
	}
}

// modFile is what go mod edit -json shows.
type modFile struct {
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Tool []struct{ Path string }
}

func readMod(t *testing.T, name string) (m modFile) {
	t.Helper()
	if err := json.Unmarshal([]byte(goCommand(t, "mod", "edit", "-json", name)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// direct are the modules that a go.mod asks for itself.
func direct(t *testing.T, name string) map[string]string {
	all := map[string]string{}
	for _, r := range readMod(t, name).Require {
		if !r.Indirect {
			all[r.Path] = r.Version
		}
	}
	return all
}

// tools are the modules that a go.mod has tools of.
func tools(t *testing.T, name string) map[string]string {
	all := map[string]string{}
	m := readMod(t, name)
	for _, r := range m.Require {
		for _, tool := range m.Tool {
			if tool.Path == r.Path || strings.HasPrefix(tool.Path, r.Path+"/") {
				all[r.Path] = r.Version
			}
		}
	}
	return all
}

func npm(t *testing.T, name string) map[string]string {
	t.Helper()
	var p struct{ Dependencies, DevDependencies map[string]string }
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	maps.Copy(all, p.Dependencies)
	maps.Copy(all, p.DevDependencies)
	return all
}

func maven(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	dependency := regexp.MustCompile(`<artifactId>([^<]+)</artifactId><version>([^<]+)</version>`)
	for _, m := range dependency.FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	return all
}
