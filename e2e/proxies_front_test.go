package e2e

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// front is a reverse proxy of the kind that people put before a server, set up as the README shows it.
type front struct {
	name string
	// listens is the README's line that says where it listens; in the test it is %s in its place.
	listens, listensAt string
	// trick says whether a line belongs to what turns a HEAD's 502, 503 and 504 into 423.
	trick func(line string) bool
	// start starts it with a configuration that lies in a folder of its own.
	start func(t *testing.T, config, folder string) *process
}

func fronts() []front {
	return []front{
		{
			name: "nginx", listens: "listen 80;\n    listen [::]:80;", listensAt: "listen %s;", start: startNginx,
			trick: func(line string) bool { return strings.Contains(line, "return 418") },
		},
		{
			name: "haproxy", listens: "bind :::80 v4v6\n", listensAt: "bind %s\n", start: startHAProxy,
			trick: func(line string) bool { return strings.Contains(line, "http-after-response") },
		},
	}
}

// before starts the front before a server and returns its address. Without the trick, those lines are left out.
func (f front) before(ctx context.Context, t *testing.T, server string, trick bool) string {
	t.Helper()
	config := readmeBlock(t, f.name, f.name)
	if !strings.Contains(config, f.listens) || !strings.Contains(config, readmeAddress) {
		t.Fatalf("the README's configuration for %s has no %q or no %s", f.name, f.listens, readmeAddress)
	}
	addr := freeAddr(t)
	config = strings.ReplaceAll(config, f.listens, strings.ReplaceAll(f.listensAt, "%s", addr))
	config = strings.ReplaceAll(config, readmeAddress, server)
	if !trick {
		var kept []string
		for line := range strings.Lines(config) {
			if !f.trick(line) {
				kept = append(kept, line)
			}
		}
		without := strings.Join(kept, "")
		if without == config {
			t.Fatalf("the trick was not found in the README's configuration for %s", f.name)
		}
		config = without
	}
	p := f.start(t, config, t.TempDir())
	t.Cleanup(p.kill)
	await(ctx, t, f.name+" listens", func() bool {
		if !p.alive() {
			t.Fatalf("%s ended: %v", f.name, p.err)
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return addr
}

// startNginx starts one process of nginx that writes nothing outside its folder.
func startNginx(t *testing.T, config, folder string) *process {
	t.Helper()
	bin := needTool(t, "nginx", "nginx-light")
	around := "daemon off;\nmaster_process off;\npid " + folder + "/pid;\nerror_log stderr notice;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		around += kind + "_temp_path " + filepath.Join(folder, kind) + ";\n"
	}
	path := filepath.Join(folder, "nginx.conf")
	write(t, path, around+config+"}\n")
	p := &process{bin: bin, args: []string{"-p", folder, "-c", path, "-e", "stderr"}, log: newLineLog(t, "nginx")}
	p.start(t)
	return p
}

// startHAProxy starts HAProxy in the foreground.
func startHAProxy(t *testing.T, config, folder string) *process {
	t.Helper()
	bin := needTool(t, "haproxy", "haproxy")
	path := filepath.Join(folder, "haproxy.cfg")
	write(t, path, config)
	p := &process{bin: bin, args: []string{"-db", "-f", path}, log: newLineLog(t, "HAProxy")}
	p.start(t)
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
