defmodule Guildhall.Tls do
  @moduledoc false

  # A self-signed certificate for tests, made by `:public_key`: `{server options, client options}`.

  def options do
    chain = [
      root: [key: key(), digest: :sha256],
      intermediates: [],
      peer: [key: key(), digest: :sha256, extensions: []]
    ]

    %{server_config: server, client_config: client} =
      :public_key.pkix_test_data(%{server_chain: Map.new(chain), client_chain: Map.new(chain)})

    {Keyword.take(server, [:cert, :key]),
     [verify: :verify_peer, cacerts: client[:cacerts], server_name_indication: :disable]}
  end

  defp key, do: {:namedCurve, :secp256r1}
end
