package limits

import (
	"hash/maphash"
	"net/netip"
)

// Key stands for a client, or for one of the things that it holds. Zero is nobody.
type Key uint64

// Keys makes keys. It may be used by many goroutines at once; those of two Keys differ.
type Keys struct{ names, addresses maphash.Seed }

// NewKeys returns Keys with a new secret.
func NewKeys() Keys { return Keys{maphash.MakeSeed(), maphash.MakeSeed()} }

// Name is the key of a name, such as an owner's. No address has the same.
func (k Keys) Name(name string) Key { return key(maphash.String(k.names, name)) }

// Address is the key of an address. Of IPv6 a /64 is one client, since whoever has one address has all of these; but the
// prefix that translators put before an IPv4 address (64:ff9b::/96, RFC 6052) is no client.
func (k Keys) Address(a netip.Addr) Key {
	bytes := a.Unmap().As16()
	significant := bytes[:]
	if a.Is6() && !a.Is4In6() && [12]byte(bytes[:12]) != translated {
		significant = bytes[:8]
	}
	return key(maphash.Bytes(k.addresses, significant))
}

// translated is 64:ff9b::/96.
var translated = [12]byte{0, 0x64, 0xff, 0x9b}

func key(hash uint64) Key { return Key(max(hash, 1)) }
