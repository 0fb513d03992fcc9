package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// told matches a line of the README's receivers of events.
var told = regexp.MustCompile(`(?m)^finished: uploads/([0-9a-f]+), 5 bytes, .*\n`)

// TestReadmeConsumer runs the README's consumer against Apache Kafka. Killed, started again, and sent every event twice, it does its
// work once for each upload.
func TestReadmeConsumer(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	broker := needKafka(ctx, t)
	topic := broker.topic(ctx, t, "readme-consumer", kafkaPartitions)
	folder := t.TempDir()
	script := strings.NewReplacer("127.0.0.1:9092", broker.addr, "'statusNew'", "'"+topic+"'",
		"groupId: 'thumbnails'", "groupId: 'thumbnails', sessionTimeout: 6000").Replace(readmeBlock(t, "js", "consumer"))
	start := func() (*example, func()) { return startNodeExample(ctx, t, folder, "consumer.mjs", script) }
	server := startPlateau(ctx, t, t.TempDir(), "--kafka-brokers", broker.addr, "--kafka-topic", topic)

	want := map[string]int{}
	add := func(ids []string) {
		for _, id := range ids {
			want[id] = 1
		}
	}
	add(createMany(ctx, t, server, 20))
	first, kill := start()
	seen := func() int {
		list, err := filepath.Glob(filepath.Join(folder, "seen", "*"))
		must(t, err)
		return len(list)
	}
	// What it has seen, it tells of next.
	await(ctx, t, "the consumer has seen all", func() bool { return seen() == len(want) && len(first.told()) >= len(want) })
	kill()
	if said, err := server.operate(ctx, nil, "replay", "--since", "1h", "--data-dir", server.data); err != nil || !strings.Contains(said, "20 events") {
		t.Fatalf("plateau replay: %v\n%s", err, said)
	}
	add(createMany(ctx, t, server, 10))
	second, _ := start()
	// What is told of these was read after the duplicates in their partitions.
	add(createMany(ctx, t, server, 30))
	await(ctx, t, "the consumer has seen all", func() bool {
		return seen() == len(want) && len(first.told())+len(second.told()) >= len(want)
	})

	got := first.told()
	for id, n := range second.told() {
		got[id] += n
	}
	if !maps.Equal(got, want) {
		t.Errorf("the consumer told of %v\nwant each once: %v", got, want)
	}
}

// TestReadmeWebhook runs the README's receiver. It takes what we sign, and nothing that is signed with another secret.
func TestReadmeWebhook(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	addr := freeAddr(t)
	host, port, _ := strings.Cut(addr, ":")
	script := strings.NewReplacer("listen(3000, '127.0.0.1')", "listen("+port+", '"+host+"')", "process.env.WEBHOOK_SECRET", "'right'").
		Replace(readmeBlock(t, "js", "webhook"))
	receiver, _ := startNodeExample(ctx, t, t.TempDir(), "webhook.mjs", script)
	server := startPlateau(ctx, t, t.TempDir(), "--webhook-url", "http://"+addr+"/", "--webhook-secret", "wrong")
	createMany(ctx, t, server, 3)
	await(ctx, t, "the receiver has refused", func() bool { return server.metric(ctx, t, "plateau_outbox_blocked") == "1" })
	if n := len(receiver.told()); n != 0 || len(waitingEvents(t, server.data)) != 3 {
		t.Errorf("with a wrong secret the receiver took %d events, and %d wait", n, len(waitingEvents(t, server.data)))
	}
	for i, flag := range server.args {
		if flag == "wrong" {
			server.args[i] = "right"
		}
	}
	terminate(ctx, t, server)
	server.start(ctx, t)
	await(ctx, t, "no event waits", func() bool { return len(waitingEvents(t, server.data)) == 0 })
	await(ctx, t, "the receiver has told of all", func() bool { return len(receiver.told()) == 3 })
}

// startNodeExample starts a script of the README in a folder, where it finds the packages of e2e/node. It ends with the test, or
// when it is killed.
func startNodeExample(ctx context.Context, t *testing.T, folder, name, script string) (e *example, kill func()) {
	t.Helper()
	node := needNode(t)
	modules, err := filepath.Abs(filepath.Join("node", "node_modules"))
	must(t, err)
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, name), script)
	ctx, cancel := context.WithCancel(ctx)
	e = startExample(ctx, t, folder, node, name)
	return e, func() {
		cancel()
		<-e.done
	}
}

// told counts of which uploads the example has told.
func (e *example) told() map[string]int {
	all := map[string]int{}
	for _, found := range told.FindAllStringSubmatch(e.log.String(), -1) {
		all[found[1]]++
	}
	return all
}
