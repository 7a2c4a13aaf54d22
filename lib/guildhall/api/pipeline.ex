defmodule Guildhall.Api.Pipeline do
  @moduledoc false

  # What every request passes: route, token, limits, parameters, body, action. Each step may end it;
  # whatever ends it, the answer has the same shape and is counted once.

  alias Guildhall.Api.{Auth, Body, Call, Error, Quota, Reply, Route}
  alias Guildhall.Http.{Request, Response}
  alias Guildhall.{Instance, Telemetry}
  alias Guildhall.Model.{Form, Snowflake}

  @typep outcome :: {Route.t() | nil, Quota.t() | nil, Call.result() | :limited}

  @spec run(module(), [String.t()], Request.t(), Instance.t()) :: Response.t()
  def run(routes, segments, request, instance) do
    started = System.monotonic_time()
    {route, quota, result} = answer(routes, segments, request, instance)
    response = respond(result, quota)

    Telemetry.emit([:api, :request], %{duration: System.monotonic_time() - started}, %{
      instance: instance,
      method: request.method,
      route: route && route.path,
      status: response.status,
      reason: reason(result)
    })

    response
  end

  @spec answer(module(), [String.t()], Request.t(), Instance.t()) :: outcome()
  defp answer(routes, segments, request, instance) do
    case routes.match(request.method, segments) do
      {:ok, route, params} -> admit(route, params, request, instance)
      {:error, miss} -> counted(nil, Quota.anonymous(instance, address(request)), {:error, miss})
    end
  end

  defp admit(%Route{auth: :none} = route, params, request, instance) do
    case Quota.anonymous(instance, address(request)) do
      {:ok, quota} -> {route, quota, call(route, nil, params, request, instance)}
      {:limited, quota} -> {route, quota, :limited}
    end
  end

  # The operator is not limited, and seeds a node as fast as it can.
  defp admit(%Route{auth: :operator} = route, params, request, instance) do
    case Auth.operator(instance, request) do
      :ok -> {route, nil, call(route, nil, params, request, instance)}
      {:error, reason} -> refuse(route, reason, request, instance)
    end
  end

  defp admit(route, params, request, instance) do
    with {:ok, user} <- Auth.user(instance, request),
         {:ok, quota} <- Quota.user(instance, user.id, route, params[route.major]) do
      {route, quota, call(route, user, params, request, instance)}
    else
      {:error, reason} -> refuse(route, reason, request, instance)
      {:limited, quota} -> {route, quota, :limited}
    end
  end

  defp refuse(route, reason, request, instance) do
    counted(route, Quota.unauthorized(instance, address(request)), {:error, reason})
  end

  defp counted(route, {:ok, quota}, result), do: {route, quota, result}
  defp counted(route, {:limited, quota}, _result), do: {route, quota, :limited}

  defp call(%Route{auth: :bot}, %{bot: false}, _params, _request, _instance) do
    {:error, :bots_only}
  end

  defp call(route, user, params, request, instance) do
    with {:ok, params} <- snowflakes(params),
         {:ok, {body, files}} <- Body.read(route, request) do
      route.action.(%Call{
        instance: instance,
        route: route,
        request: request,
        user: user,
        params: params,
        body: body,
        files: files
      })
    end
  end

  defp snowflakes(params) do
    Enum.reduce_while(params, {:ok, %{}}, fn {name, text}, {:ok, params} ->
      case snowflake(name, text) do
        {:ok, value} -> {:cont, {:ok, Map.put(params, name, value)}}
        :error -> {:halt, {:error, not_snowflake(name, text)}}
      end
    end)
  end

  defp snowflake(name, text) do
    if name |> Atom.to_string() |> String.ends_with?("_id"),
      do: Snowflake.parse(text),
      else: {:ok, text}
  end

  defp not_snowflake(name, text) do
    Form.error(
      Atom.to_string(name),
      "NUMBER_TYPE_COERCE",
      "Value #{inspect(text)} is not snowflake."
    )
  end

  defp respond(:limited, quota), do: Reply.limited(quota)
  defp respond(result, quota), do: Reply.render(result, quota)

  defp reason(:limited), do: :rate_limited
  defp reason({:error, reason}), do: Error.name(reason)
  defp reason(_success), do: nil

  defp address(%Request{peer: {address, _port}}), do: address
  defp address(%Request{peer: nil}), do: nil
end
