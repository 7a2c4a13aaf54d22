defmodule Guildhall.Session.Id do
  @moduledoc false

  # A session id: a tag of the node that has the session, then 12 random bytes, in base64url.
  # RESUME may arrive anywhere, and the tag says where to look.

  alias Guildhall.Instance

  @spec new(Instance.t()) :: String.t()
  def new(instance) do
    Base.url_encode64(<<tag(instance)::32, :crypto.strong_rand_bytes(12)::binary>>, padding: false)
  end

  defp tag(instance), do: :erlang.crc32("#{instance}@#{node()}")
end
