package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKafkaAway takes the broker away under uploads, in both ways, for half a minute (ten minutes of the whole matrix), restarts
// Plateau in the middle, by SIGTERM and as a crash does, and wants every event once the broker is back. Memory does not follow what
// waits.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	ctx, uploads, away := boundedBy(t, 4*time.Minute), 1_500, 30*time.Second
	if fullWanted() {
		ctx, uploads, away = boundedBy(t, 20*time.Minute), 10_000, 10*time.Minute
	}
	k := startFakeKafka(t)
	server := startPlateau(ctx, t, t.TempDir(), "--kafka-brokers", k.addr, "--kafka-topic", fakeTopic, "--shutdown-timeout", "5s")
	ids := createMany(ctx, t, server, uploads/10)
	k.be(broken)
	over := time.NewTimer(away)
	defer over.Stop()
	ids = append(ids, createMany(ctx, t, server, uploads/5)...)
	wantStopInTime(ctx, t, server)
	server.start(ctx, t)

	k.be(unheard)
	ids = append(ids, createMany(ctx, t, server, uploads/10)...)
	wantStopInTime(ctx, t, server)
	server.start(ctx, t)
	ids = append(ids, createMany(ctx, t, server, uploads/10)...)
	server.kill()
	server.start(ctx, t)
	ids = append(ids, createMany(ctx, t, server, uploads/10)...)
	before := server.resident(t)
	ids = append(ids, createMany(ctx, t, server, uploads-len(ids))...)
	select { // being away for so long is what is tried
	case <-over.C:
	case <-ctx.Done():
	}
	after, waiting := server.resident(t), len(waitingEvents(t, server.data))
	t.Logf("resident memory with %d events waiting: %d KiB; with %d: %d KiB", uploads/2, before>>10, waiting, after>>10)
	if waiting < uploads*9/10 || after > before+16<<20 {
		t.Errorf("%d of %d events wait, and memory has grown by %d KiB", waiting, uploads, (after-before)>>10)
	}

	k.be(here)
	begin := time.Now()
	await(ctx, t, "all events are delivered", func() bool { return server.metric(ctx, t, "plateau_outbox_pending") == "0" })
	again := k.wantArrived(ctx, t, ids)
	t.Logf("%d uploads; all events had arrived %s after the broker was back, %d more than once", len(ids), time.Since(begin).Round(time.Second), again)
}

// wantStopInTime sends SIGTERM while Kafka is away and wants a good end within --shutdown-timeout and the sink's last word.
func wantStopInTime(ctx context.Context, t *testing.T, server *plateau) {
	t.Helper()
	if took := terminate(ctx, t, server); took > 6500*time.Millisecond {
		t.Errorf("SIGTERM while Kafka is away took %s, the time for it is 5 s", took)
	}
}

// TestOneWriter wants goroutines and connections to the broker not to grow with the uploads, and none to be left afterwards.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	ctx := boundedBy(t, 3*time.Minute)
	k := startFakeKafka(t)
	server := startPlateau(ctx, t, t.TempDir(), "--kafka-brokers", k.addr, "--kafka-topic", fakeTopic)
	settled := func(ids []string) (goroutines string, open, ever int) {
		await(ctx, t, "all events are delivered", func() bool { return server.metric(ctx, t, "plateau_outbox_pending") == "0" })
		k.wantArrived(ctx, t, ids)
		if writers := server.metric(ctx, t, "plateau_kafka_writers"); writers != "1" {
			t.Errorf("%s writers, want 1", writers)
		}
		open, ever = k.connections()
		return server.metric(ctx, t, "go_goroutines"), open, ever
	}
	ids := createMany(ctx, t, server, 200)
	goroutines, open, _ := settled(ids)
	ids = append(ids, createMany(ctx, t, server, 1_800)...)
	goroutinesLater, openLater, _ := settled(ids)
	t.Logf("after 200 uploads: %s goroutines, %d connections; after 2,000: %s and %d", goroutines, open, goroutinesLater, openLater)
	var n, later int
	fmt.Sscan(goroutines, &n)
	fmt.Sscan(goroutinesLater, &later)
	if later > n+100 || openLater > open+10 { // a leak would be 1,800; a slow broker gets another connection
		t.Error("they grow with the uploads")
	}
	terminate(ctx, t, server)
	await(ctx, t, "no connection is left", func() bool { open, _ := k.connections(); return open == 0 })
}

// createMany makes small uploads, some at a time, and returns their ids.
func createMany(ctx context.Context, t *testing.T, server *plateau, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			client := newTus(ctx, server.files)
			for i := c; i < n; i += 8 {
				a := client.do(http.MethodPost, client.files, headers{"Upload-Length": "5", "Content-Type": "application/offset+octet-stream"}, []byte("hello"))
				if a.err != nil || a.status != http.StatusCreated {
					t.Errorf("creation: %v", a)
					return
				}
				ids[i] = idOf(a.header.Get("Location"))
			}
		})
	}
	clients.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return ids
}

// metric is the value of a metric without labels.
func (p *plateau) metric(ctx context.Context, t *testing.T, name string) string {
	t.Helper()
	a := newTus(ctx, "http://"+p.admin+"/").do(http.MethodGet, "http://"+p.admin+"/metrics", nil, nil)
	for line := range strings.Lines(a.body) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no metric %s: %v", name, a)
	return ""
}

// awaitJournal makes small uploads until one has gone through the journal, which isn't ready at once. It returns their ids.
func (p *plateau) awaitJournal(ctx context.Context, t *testing.T) (ids []string) {
	t.Helper()
	await(ctx, t, "small uploads go through the journal", func() bool {
		ids = append(ids, createMany(ctx, t, p, 1)...)
		return p.metric(ctx, t, `plateau_finish_synced_total{by="journal"}`) != "0"
	})
	return ids
}

// resident is the process's resident memory, in bytes (Linux only).
func (p *process) resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var all, resident int64
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
