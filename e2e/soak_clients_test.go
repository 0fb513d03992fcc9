package e2e

import (
	"math/rand/v2"
	"net/http"
	"slices"
)

// soakClient is one client of a soak.
type soakClient struct {
	crowdClient
	soak  *soak
	bytes []byte // from which all is taken that it sends
}

// startClients starts the clients. Half of them keep their connections, as browsers do, the others have one for each request.
func (s *soak) startClients() *crowd {
	all := &crowd{ctx: s.ctx, t: s.t}
	for n := range soakClients {
		own := rand.New(rand.NewPCG(s.random.Uint64(), 0))
		all.busy.Go(func() {
			client := newTus(s.ctx, s.server.files)
			if n%2 == 0 {
				client.kept = &http.Transport{}
				defer client.kept.CloseIdleConnections()
			}
			soakClient{crowdClient{all, client, own}, s, randomBytes(own, 2*large)}.work()
		})
	}
	s.t.Cleanup(func() { all.end() })
	return all
}

// work goes through one deck after the other, so that in any stretch of time the load is the same.
func (c soakClient) work() {
	var deck []soakKind
	for _, kind := range soakKinds() {
		deck = append(deck, slices.Repeat([]soakKind{kind}, kind.share)...)
	}
	for {
		c.random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, kind := range deck {
			if c.stop.Load() || c.over() {
				return
			}
			kind.do(c)
			c.soak.ledger.did(kind.name)
		}
	}
}
