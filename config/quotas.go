package config

// quotaSettings keep one client from taking what is there for all.
func quotaSettings() []setting {
	const group = "Quotas and rates of each owner or address (0 turns one off)"
	return []setting{
		{
			group: limitGroup, name: "max-parts", arg: "NUMBER", fallback: "0",
			help:  "most parts of one concatenation; without it as many as a header holds",
			value: number(func(c *Config) *int { return &c.MaxParts }),
		},
		{
			group: limitGroup, name: "min-free-space", arg: "SIZE", fallback: "1GiB",
			help: "space that uploads leave on their disk: one that would not fit beside those whose bytes are arriving is " +
				"refused with 507 when it is created",
			value: size(func(c *Config) *int64 { return &c.MinFreeSpace }),
		},
		{
			group: group, name: "quota-bytes", arg: "SIZE", fallback: "0",
			help:  "bytes of each owner, of finished uploads and of declared ones",
			value: size(func(c *Config) *int64 { return &c.QuotaBytes }),
		},
		{
			group: group, name: "quota-open-bytes", arg: "SIZE", fallback: "0",
			help:  "of these, bytes that are declared and not finished",
			value: size(func(c *Config) *int64 { return &c.QuotaOpenBytes }),
		},
		{
			group: group, name: "quota-uploads", arg: "NUMBER", fallback: "0",
			help:  "unfinished uploads of each owner",
			value: number(func(c *Config) *int { return &c.QuotaUploads }),
		},
		{
			group: group, name: "limit-address-connections", arg: "NUMBER", fallback: "0",
			help: "connections of each address at once; behind a proxy of --trusted-proxies, requests; of IPv6 a /64 is one " +
				"address",
			value: number(func(c *Config) *int { return &c.LimitAddressConnections }),
		},
		{
			group: group, name: "limit-owner-uploads", arg: "NUMBER", fallback: "0",
			help:  "requests of each owner that may send a body at once",
			value: number(func(c *Config) *int { return &c.LimitOwnerUploads }),
		},
		{
			group: group, name: "limit-creations", arg: "NUMBER", fallback: "0",
			help:  "uploads that an owner may create in a second; with --auth none, an address",
			value: number(func(c *Config) *int { return &c.LimitCreations }),
		},
	}
}

// shareContradictions reports a limit that another one keeps from ever being reached.
func shareContradictions(c Config) []Mistake {
	if c.QuotaBytes == 0 || c.QuotaOpenBytes <= c.QuotaBytes {
		return nil
	}
	return []Mistake{{
		Setting: "quota-open-bytes", Given: formatSize(c.QuotaOpenBytes),
		Problem: "is more than quota-bytes, which counts these bytes too",
	}}
}
