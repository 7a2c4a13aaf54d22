ExUnit.start(exclude: [:cluster, :conformance, :redteam, :system], assert_receive_timeout: 1_000)
ExUnit.plural_rule("property", "properties")
