package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// message is one as events.mjs prints it.
type message struct {
	Partition int
	Offset    int64
	Key       string
	Headers   map[string]string
	Event     struct {
		ID, Source, Type, Subject, Specversion, Datacontenttype string

		Time time.Time
		Data json.RawMessage
	}
}

// readEvents reads messages from the beginning of a topic with kafkajs. The CloudEvents SDK has found each valid.
func readEvents(ctx context.Context, t *testing.T, k *kafkaBroker, topic string, n int) []message {
	t.Helper()
	job, err := json.Marshal(map[string]any{"brokers": []string{k.addr}, "topic": topic, "count": n})
	must(t, err)
	command := exec.CommandContext(ctx, "node", "events.mjs", string(job))
	command.Dir = "node"
	var said bytes.Buffer
	command.Stderr = &said
	text, err := command.Output()
	if err != nil {
		t.Fatalf("read the events of %s: %v\n%s\n%s", topic, err, text, said.String())
	}
	var list []message
	for line := range strings.Lines(string(text)) {
		var r message
		must(t, json.Unmarshal([]byte(line), &r))
		list = append(list, r)
	}
	return list
}

// wantEvents wants one event for each upload, which says what it is, and in each partition the order of the finishes.
func wantEvents(t *testing.T, got []message, want map[string]upload) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "hooks", "schema", "upload.finished.v1.json"))
	must(t, err)
	last := map[int]message{}
	seen := map[string]bool{}
	for _, r := range got {
		u, known := want[r.Key]
		if !known || seen[r.Key] {
			t.Errorf("an event of %q: known %v, seen before %v", r.Key, known, seen[r.Key])
		}
		seen[r.Key] = true
		e := r.Event
		if e.ID != r.Key+":finished" || e.Subject != r.Key || e.Source != "/plateau/e2e" || e.Specversion != "1.0" ||
			e.Type != "dev.plateau.upload.finished.v1" || !strings.HasPrefix(e.Datacontenttype, "application/json") {
			t.Errorf("the event of %v has the attributes %+v", u, e)
		}
		if names := headerNames(r.Headers); !slices.Equal(names, []string{"ce_id", "ce_source", "ce_specversion", "ce_subject", "ce_time", "ce_type", "content-type"}) {
			t.Errorf("the message has the headers %v", names)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
		must(t, err)
		if err := schema.Validate(value); err != nil {
			t.Errorf("the event of %v is not as its schema says: %v", u, err)
		}
		var data struct {
			ID, Digest string
			Size       int64
			Metadata   map[string]string
			Storage    struct{ Type, Path string }
			FinishedAt time.Time
		}
		must(t, json.Unmarshal(e.Data, &data))
		if data.ID != u.id || data.Size != u.size || data.Digest != u.digest || data.Metadata["filename"] != u.way ||
			data.Storage.Type != "disk" || data.Storage.Path != "uploads/"+u.id || !data.FinishedAt.Truncate(time.Millisecond).Equal(e.Time.Truncate(time.Millisecond)) {
			t.Errorf("the event of %v says %s, at %v", u, e.Data, e.Time)
		}
		if before, ok := last[r.Partition]; ok && (r.Offset <= before.Offset || e.Time.Before(before.Event.Time)) {
			t.Errorf("in partition %d %q (%v) comes after %q (%v)", r.Partition, r.Key, e.Time, before.Key, before.Event.Time)
		}
		last[r.Partition] = r
	}
	if len(seen) != len(want) {
		t.Errorf("%d of %d uploads have an event", len(seen), len(want))
	}
}

func headerNames(h map[string]string) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// wantKcat wants kcat, which is librdkafka, to see the same as kafkajs.
func wantKcat(ctx context.Context, t *testing.T, kcat string, k *kafkaBroker, topic string, want []message) {
	t.Helper()
	text, err := exec.CommandContext(ctx, kcat, "-C", "-b", k.addr, "-t", topic, "-e", "-q", "-f", `%p %o %k %h %s\n`).Output()
	must(t, err)
	var got, expected []string
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(line, " ", 5) // of the headers' values none has a space
		if len(words) != 5 || !strings.Contains(words[3], "ce_id="+words[2]+":finished,") || !json.Valid([]byte(words[4])) {
			t.Errorf("kcat prints %q", line)
			continue
		}
		got = append(got, strings.Join(words[:3], " "))
	}
	for _, r := range want {
		expected = append(expected, fmt.Sprintf("%d %d %s", r.Partition, r.Offset, r.Key))
	}
	slices.Sort(got)
	slices.Sort(expected)
	if !slices.Equal(got, expected) {
		t.Errorf("kcat sees\n%s\nand kafkajs\n%s", strings.Join(got, "\n"), strings.Join(expected, "\n"))
	}
}

// wantPartitionsOf lets librdkafka choose a partition for each key by murmur2, as Java's clients do, and wants ours to be the same.
func wantPartitionsOf(ctx context.Context, t *testing.T, kcat string, k *kafkaBroker, ours []message) {
	t.Helper()
	topic := k.topic(ctx, t, "keys-by-librdkafka", kafkaPartitions)
	var keys bytes.Buffer
	want := map[string]string{}
	for _, r := range ours {
		fmt.Fprintf(&keys, "%s:-\n", r.Key)
		want[r.Key] = strconv.Itoa(r.Partition)
	}
	produce := exec.CommandContext(ctx, kcat, "-P", "-b", k.addr, "-t", topic, "-K", ":", "-X", "partitioner=murmur2")
	produce.Stdin = &keys
	if said, err := produce.CombinedOutput(); err != nil {
		t.Fatalf("kcat -P: %v\n%s", err, said)
	}
	text, err := exec.CommandContext(ctx, kcat, "-C", "-b", k.addr, "-t", topic, "-e", "-q", "-f", `%k %p\n`).Output()
	must(t, err)
	chosen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		key, partition, _ := strings.Cut(strings.TrimSpace(line), " ")
		if want[key] != partition {
			t.Errorf("librdkafka puts %s into partition %s, we into %s", key, partition, want[key])
		}
		delete(want, key)
		chosen[partition] = true
	}
	if len(want) > 0 || len(chosen) < 2 {
		t.Errorf("librdkafka has chosen %d partitions, and none for %v", len(chosen), want)
	}
}
