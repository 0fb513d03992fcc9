package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// network is a bad network in front of a server: toxiproxy, with what it calls toxics. At first it is a good one. What its
// methods say holds for connections that begin from then on. toxiproxy can change a running connection too, but waits for
// ever when that one's receiver doesn't read.
type network struct {
	proxy *toxiproxy.Proxy

	broken  *switched[breakToxic, *breakToxic]
	narrow  *switched[toxics.BandwidthToxic, *toxics.BandwidthToxic]
	crumbly *switched[toxics.SlicerToxic, *toxics.SlicerToxic]
	late    *switched[toxics.LatencyToxic, *toxics.LatencyToxic]
	deaf    *switched[toxics.ResetToxic, *toxics.ResetToxic]
}

// startNetwork listens on loopback in front of target until the test ends.
func startNetwork(t *testing.T, target string) *network {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics have a logger of their own
	log := zerolog.Nop()
	server := &toxiproxy.ApiServer{Metrics: toxiproxy.NewMetricsContainer(nil), Logger: &log}
	n := &network{proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", target)}
	n.broken = install[breakToxic](t, n.proxy, "break", "upstream")
	n.narrow = install[toxics.BandwidthToxic](t, n.proxy, "bandwidth", "upstream")
	n.crumbly = install[toxics.SlicerToxic](t, n.proxy, "slicer", "upstream")
	n.late = install[toxics.LatencyToxic](t, n.proxy, "latency", "downstream")
	n.deaf = install[toxics.ResetToxic](t, n.proxy, "reset_peer", "downstream")
	if err := n.proxy.Start(); err != nil {
		t.Fatalf("start toxiproxy: %v", err)
	}
	t.Cleanup(n.proxy.Stop)
	return n
}

// install puts a toxic at the end of a direction's chain, switched off.
func install[T any, P pipe[T]](t *testing.T, proxy *toxiproxy.Proxy, kind, direction string) *switched[T, P] {
	t.Helper()
	toxics.Register("switched "+kind, new(switched[T, P]))
	text, err := json.Marshal(map[string]string{"name": kind, "type": "switched " + kind, "stream": direction})
	if err != nil {
		t.Fatal(err)
	}
	wrapper, err := proxy.Toxics.AddToxicJson(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("add the toxic %s: %v", kind, err)
	}
	return wrapper.Toxic.(*switched[T, P])
}

func (n *network) files() string { return "http://" + n.proxy.Listen + "/files/" }

// breaks cuts each connection after a number of bytes from the client that is drawn anew for each, between shortest and
// longest. Heads of requests count too, so shortest must let one pass.
func (n *network) breaks(random *rand.Rand, shortest, longest int64) {
	n.broken.turnOn(func() breakToxic { return breakToxic{left: shortest + random.Int64N(longest-shortest+1)} })
}

// slow lets this many KiB a second through from client to server on each connection, in small pieces, and delays answers.
func (n *network) slow(kibPerSecond int64) {
	n.narrow.turnOn(func() toxics.BandwidthToxic { return toxics.BandwidthToxic{Rate: kibPerSecond} })
	n.crumbly.turnOn(func() toxics.SlicerToxic {
		return toxics.SlicerToxic{AverageSize: 3000, SizeVariation: 1500, Delay: 10}
	})
	n.late.turnOn(func() toxics.LatencyToxic { return toxics.LatencyToxic{Latency: 20, Jitter: 15} })
}

// fast undoes slow.
func (n *network) fast() {
	n.narrow.turnOff()
	n.crumbly.turnOff()
	n.late.turnOff()
}

// loseAnswers cuts each connection when the server says something, so that requests arrive and answers don't.
func (n *network) loseAnswers() {
	n.deaf.turnOn(func() toxics.ResetToxic { return toxics.ResetToxic{} })
}

// keepAnswers undoes loseAnswers.
func (n *network) keepAnswers() { n.deaf.turnOff() }
