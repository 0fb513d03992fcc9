package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rest is what a server has when nothing happens. How many connections to Kafka it keeps is a matter of chance, each with a
// goroutine; they are counted by themselves.
type rest struct {
	goroutines, descriptors, connections int // without those to Kafka
	toKafka                              int // connections
}

// mostToKafka is how many connections to Kafka there may be: one for each partition, and those that ask for leaders.
const mostToKafka = fakePartitions + 2

// isAs says whether a server is at rest as it was before.
func (r rest) isAs(before rest) bool {
	return r.goroutines == before.goroutines && r.descriptors == before.descriptors && r.connections == before.connections &&
		r.toKafka <= mostToKafka
}

// awaitRest waits until the server has delivered all, and has what it had at rest the first time.
func (s *soak) awaitRest() (now rest) {
	s.t.Helper()
	for _, count := range []string{"plateau_outbox_pending", "plateau_uploads_in_flight"} {
		await(s.ctx, s.t, count+" is 0", func() bool { return s.server.metric(s.ctx, s.t, count) == "0" })
	}
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	for {
		now = s.looks()
		if len(s.periods) == 0 && now.connections == 0 || len(s.periods) > 0 && now.isAs(s.periods[0].atRest) {
			return now
		}
		if ctx.Err() != nil {
			all := newTus(s.ctx, "http://"+s.server.admin+"/").get("/debug/pprof/goroutine?debug=1")
			s.t.Errorf("at rest the server has %+v, its descriptors are\n%s\nand its goroutines\n%s", now,
				strings.Join(s.server.descriptors(s.t), "\n"), all.body)
			return now
		}
	}
}

// looks is what most looks at the server see. Now and then one sees how the one before it ends.
func (s *soak) looks() (most rest) {
	s.t.Helper()
	seen := map[rest]int{}
	for seen[most] < 10 {
		now := s.server.rest(s.ctx, s.t, s.kafka.addr)
		if seen[now]++; seen[now] >= seen[most] {
			most = now
		}
	}
	return most
}

// rest counts what the server has now, without the connection of the question.
func (p *plateau) rest(ctx context.Context, t *testing.T, kafka string) (now rest) {
	t.Helper()
	now.goroutines = int(p.number(ctx, t, "go_goroutines"))
	own := p.descriptors(t)
	now.descriptors = len(own)
	_, port, err := net.SplitHostPort(kafka)
	must(t, err)
	for _, name := range []string{"tcp", "tcp6"} {
		for _, s := range p.sockets(t, name) {
			if s.listens || !slices.Contains(own, "socket:["+s.inode+"]") {
				continue
			}
			if strconv.Itoa(s.remotePort) != port {
				now.connections++
				continue
			}
			now.toKafka++
			now.descriptors--
			now.goroutines--
		}
	}
	return now
}

// descriptors is what each descriptor of the process is of. The outbox has a folder open for each minute whose events wait, and
// for the present one: these come and go, and are left out.
func (p *process) descriptors(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
	must(t, err)
	for _, file := range files {
		of, err := os.Readlink(file)
		if err == nil && filepath.Base(filepath.Dir(of)) != "pending" { // err: it was closed meanwhile
			all = append(all, of)
		}
	}
	return all
}

// socket is a line of /proc/PID/net/tcp.
type socket struct {
	inode      string
	listens    bool
	remotePort int
}

// sockets lists those of the machine's network.
func (p *process) sockets(t *testing.T, name string) (all []socket) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, name))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[0] == "sl" {
			continue
		}
		_, hex, _ := strings.Cut(fields[2], ":")
		port, err := strconv.ParseInt(hex, 16, 32)
		must(t, err)
		all = append(all, socket{inode: fields[9], listens: fields[3] == "0A", remotePort: int(port)})
	}
	return all
}

// leaked is how many goroutines wait for what nobody can reach any more. There may be none. A binary that was given and can't
// tell, for want of GOEXPERIMENT=goroutineleakprofile, is not asked.
func (p *plateau) leaked(ctx context.Context, t *testing.T) string {
	t.Helper()
	a := newTus(ctx, "http://"+p.admin+"/").get("/debug/pprof/goroutineleak?debug=1")
	if a.status == http.StatusNotFound && os.Getenv("PLATEAU_E2E_BINARY") != "" {
		return "unknown"
	}
	first, _, _ := strings.Cut(a.body, "\n")
	count, found := strings.CutPrefix(first, "goroutineleak profile: total ")
	if a.status != http.StatusOK || !found {
		t.Errorf("the profile of leaked goroutines: %v", a)
	}
	if count != "0" {
		t.Errorf("goroutines have leaked:\n%s", a.body)
	}
	return count
}

// requests is how many were answered on the public listener.
func (p *plateau) requests(ctx context.Context, t *testing.T) (all int) {
	t.Helper()
	a := newTus(ctx, "http://"+p.admin+"/").get("/metrics")
	for line := range strings.Lines(a.body) {
		if !strings.HasPrefix(line, "plateau_http_request_duration_seconds_count{") {
			continue
		}
		n, err := strconv.Atoi(line[strings.LastIndex(line, " ")+1 : len(line)-1])
		must(t, err)
		all += n
	}
	return all
}
