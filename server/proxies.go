package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the addresses whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func (p proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// clientOf returns the address of the client: the last one in X-Forwarded-For
// that is not a trusted proxy's, since anybody can write the ones before it.
func (p proxies) clientOf(r *http.Request) string {
	if client := p.addressOf(r); client.IsValid() {
		return client.String()
	}
	return r.RemoteAddr
}

// addressOf is clientOf as an address; it isn't valid where the peer has none.
func (p proxies) addressOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := peer.Addr().Unmap()
	if len(p) == 0 || !p.trusts(client) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		client = addr.Unmap()
		if !p.trusts(client) {
			break
		}
	}
	return client
}

// parseHop reads an address; some balancers write the port too.
func parseHop(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(hop)
}
