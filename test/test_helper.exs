# How long a message may take only tells a hang from a busy machine: some tests attach ten thousand sessions
# beside the others.
ExUnit.start(exclude: [:cluster, :conformance, :redteam, :system], assert_receive_timeout: 5_000)
ExUnit.plural_rule("property", "properties")
