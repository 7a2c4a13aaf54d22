defmodule Guildhall.Api.Boot do
  @moduledoc false

  # What clients ask before they connect. Some of it is surprising: py-cord never gets ready without
  # the list of default sounds. There is no voice server, so there are no regions.

  alias Guildhall.Api.{Call, View}
  alias Guildhall.{Session, User}

  @spec gateway(Call.t()) :: Call.result()
  def gateway(call), do: {:ok, %{url: View.gateway_url(call.instance)}}

  @spec gateway_bot(Call.t()) :: Call.result()
  def gateway_bot(%Call{instance: instance, user: user}) do
    limit = Session.start_limit(instance, user.id)
    {:ok, %{url: View.gateway_url(instance), shards: 1, session_start_limit: limit}}
  end

  @spec application(Call.t()) :: Call.result()
  def application(%Call{instance: instance, user: user} = call) do
    with {:ok, application} <- User.application(instance, user.id) do
      View.application(call, application)
    end
  end

  @spec nothing(Call.t()) :: Call.result()
  def nothing(_call), do: {:ok, []}
end
