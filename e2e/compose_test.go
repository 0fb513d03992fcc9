package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/segmentio/kafka-go"
)

// composeFile is what the test reads of compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Build       string
		Image       string
		Ports       []string
		Volumes     []string
		Environment map[string]any
		Command     []string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
	}
	Volumes map[string]any
}

// TestCompose does without Docker what compose.yaml says: Kafka runs with the settings that the image makes of its environment,
// Plateau with its own environment, and an event of an upload arrives in the topic. Only addresses and folders are others.
func TestCompose(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	needKafkaParts(t)
	text, err := os.ReadFile(filepath.Join("..", "compose.yaml"))
	must(t, err)
	var c composeFile
	if err := yaml.UnmarshalWithOptions(text, &c); err != nil {
		t.Fatal(err)
	}
	ours, broker, topic := c.Services["plateau"], c.Services["kafka"], c.Services["topic"]
	if ours.Build != "." || !slices.Equal(ours.Volumes, []string{"plateau:/data"}) || ours.Environment["PLATEAU_AUTH"] != "none" ||
		!slices.ContainsFunc(ours.Ports, func(p string) bool { return strings.HasSuffix(p, ":8080") }) {
		t.Errorf("the service plateau is %+v", ours)
	}
	version := pinned(t, "kafka/pom.xml", `<artifactId>kafka_2\.13</artifactId><version>([^<]+)<`)
	for name, image := range map[string]string{"kafka": broker.Image, "topic": topic.Image} {
		if image != "apache/kafka:"+version {
			t.Errorf("the service %s is %s, the tests run %s", name, image, version)
		}
	}
	for _, service := range c.Services {
		for _, mount := range service.Volumes {
			name, _, _ := strings.Cut(mount, ":")
			if _, declared := c.Volumes[name]; !declared {
				t.Errorf("no volume %s", name)
			}
		}
	}
	if topic.DependsOn["kafka"].Condition != "service_healthy" || len(broker.Healthcheck.Test) == 0 {
		t.Errorf("the topic is made before Kafka is there: %+v", topic.DependsOn)
	}
	name, brokers := fmt.Sprint(ours.Environment["PLATEAU_KAFKA_TOPIC"]), fmt.Sprint(ours.Environment["PLATEAU_KAFKA_BROKERS"])
	if !slices.Contains(topic.Command, "--topic="+name) || !slices.Contains(topic.Command, "--bootstrap-server="+brokers) {
		t.Errorf("the topic is made by %v, Plateau writes to %s at %s", topic.Command, name, brokers)
	}

	// The addresses: inside, outside and the controller's.
	inside, controller := freePair(t), ""
	host, port, _ := net.SplitHostPort(inside)
	n, err := strconv.Atoi(port)
	must(t, err)
	controller = net.JoinHostPort(host, strconv.Itoa(n+1))
	outside, folder := freeAddr(t), t.TempDir()
	here := strings.NewReplacer(
		"0.0.0.0:9092", inside, brokers, inside, "0.0.0.0:29092", outside, "127.0.0.1:29092", outside,
		"127.0.0.1:9093", controller, "/var/lib/kafka/data", filepath.Join(folder, "data"))
	var settings strings.Builder
	for key, value := range broker.Environment {
		setting := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, "KAFKA_"), "_", "."))
		fmt.Fprintf(&settings, "%s=%s\n", setting, here.Replace(fmt.Sprint(value)))
	}
	write(t, filepath.Join(folder, "server.properties"), settings.String())
	k, err := startKafka(inside, "with", folder)
	must(t, err)
	t.Cleanup(k.kill)
	k.ready(ctx, t)
	k.topic(ctx, t, name, 3)

	env := []string{"PLATEAU_LISTEN=" + freeAddr(t), "PLATEAU_ADMIN_LISTEN=", "PLATEAU_DATA_DIR=" + t.TempDir()}
	for key, value := range ours.Environment {
		env = append(env, key+"="+here.Replace(fmt.Sprint(value)))
	}
	bin, err := binaries.plateau()
	must(t, err)
	server := &process{bin: bin, log: newLineLog(t, "plateau"), env: env}
	if said, err := server.operate(ctx, nil, "config"); err != nil || strings.Contains(said, "unknown") {
		t.Fatalf("plateau config: %v\n%s", err, said)
	}
	t.Cleanup(server.kill)
	server.start(t)
	client := newTus(ctx, "http://"+strings.TrimPrefix(env[0], "PLATEAU_LISTEN=")+"/files/")
	var a answer
	await(ctx, t, "Plateau serves", func() bool { a = client.create(0, nil); return a.err == nil })
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{outside}, GroupID: "compose", Topic: name, StartOffset: kafka.FirstOffset})
	t.Cleanup(func() { _ = reader.Close() })
	m, err := reader.ReadMessage(ctx)
	if err != nil || string(m.Key) != idOf(a.header.Get("Location")) {
		t.Errorf("an event of %q came from outside, %v; the upload is %v", m.Key, err, a)
	}
}
