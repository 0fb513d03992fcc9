package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// idleCalls change nothing: to be killed there is to be killed after the call before. Most are made by what runs beside a
// finish too.
var idleCalls = map[string]bool{
	"read": true, "pread64": true, "fcntl": true, "getdents64": true, "newfstatat": true, "fstat": true, "lseek": true, "statfs": true, "fstatfs": true,
}

var answerCall = regexp.MustCompile(`^write\(\d+<(socket|TCP)[^>]*>, "HTTP/1\.1 2`)

// parse knows the calls on the data folder, and those by which an event and an answer leave.
func (c *crash) parse(line string) (call, bool) {
	name, _, _ := strings.Cut(line, "(")
	known := call{name: name, ended: strings.HasSuffix(line, "= ?")}
	switch {
	case strings.HasPrefix(line, "write(1<"):
		known.on = "an event"
	case answerCall.MatchString(line):
		known.on = "an answer"
	default:
		return parseCall(line, c.server.data)
	}
	return known, true
}

// killedAt reads from the trace at which call the server was killed.
func (c *crash) killedAt(text string, nth int) (hit target, ok bool) {
	calls, _ := parseTrace(text, c.parse)
	seen := map[string]int{}
	for _, call := range calls {
		seen[call.String()]++
		if call.ended && call.nth == nth {
			return target{call, seen[call.String()]}, true
		}
	}
	return target{}, false
}

// paths are what strace is to look at so that it sees few calls but this one; none if that isn't known before the request. Of a
// call that names a file in a folder they are the name, or every other time the folder.
func (c *crash) paths(target call, client *tus, address string, try int) (paths []string) {
	switch target.on {
	case "an event":
		return []string{c.server.stdoutPath(c.t)}
	case "an answer":
		// The answer will come on the connection of this one.
		client.kept = &http.Transport{}
		c.t.Cleanup(client.kept.CloseIdleConnections)
		if a := client.get("/healthz"); a.status != http.StatusOK {
			c.t.Fatalf("/healthz: %v", a)
		}
		return c.sockets()
	}
	path := target.at
	if strings.HasSuffix(target.name, "at") && try%2 == 0 {
		path = target.on
	}
	path = strings.ReplaceAll(path, "MINUTE", time.Now().UTC().Format(minuteFolder))
	switch {
	case path == "", strings.Contains(path, "TIME-"):
		return nil
	case !strings.Contains(path, "ID"):
		return []string{path}
	}
	for _, id := range partIDs(address) {
		paths = append(paths, strings.ReplaceAll(path, "ID", id))
	}
	return paths
}

// sockets are the names that Linux has for the server's sockets.
func (c *crash) sockets() (paths []string) {
	c.t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.server.cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range list {
		if path, err := os.Readlink(name); err == nil && strings.HasPrefix(path, "socket:") {
			paths = append(paths, path)
		}
	}
	return paths
}
