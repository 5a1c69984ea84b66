package bolt

// SmallGenerations is a configuration whose generations hold so many entries: what takes hours of traffic otherwise
// happens at every few appends.
func SmallGenerations(entries int) *Config { return &Config{generation: entries} }
