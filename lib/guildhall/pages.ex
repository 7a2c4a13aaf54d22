defmodule Guildhall.Pages do
  @moduledoc false

  # The pages for people who operate a node: what it is and does (`/`), whether it lives (`/health`)
  # and its metrics (`/metrics`). Anybody may ask for them, as often as they want: what costs something is
  # made by `Guildhall.Pages.Cache` at a bounded rate.

  alias Guildhall.{Api, Instance, Metrics, Store}
  alias Guildhall.Http.{Request, Response}
  alias Guildhall.Pages.Cache

  # How often the disk is written to, and how often figures are read, in so many milliseconds.
  @write {1, 1_000}
  @render {20, 1_000}

  @spec page(Request.t(), Instance.t()) :: Response.t()
  def page(%Request{method: method}, _instance) when method not in ["GET", "HEAD"] do
    text(405, "405: Method Not Allowed\n")
  end

  # Says `ok` as long as writes reach the disk: a node that only serves reads is not healthy.
  def page(%Request{segments: ["health"]}, instance) do
    write = fn -> Store.write(instance, [{:put, :settings, "node", "health", <<1>>}]) end

    case Cache.fetch(instance, :health, @write, write) do
      {:ok, :ok} -> text(200, "ok\n")
      {:ok, {:error, reason}} -> text(503, "the store takes no writes: #{reason}\n")
      {:error, :unavailable} -> text(503, "the store did not answer in time\n")
    end
  end

  def page(%Request{segments: []} = request, instance) do
    figures(request, instance, "text/html; charset=utf-8", :home, fn -> home(instance) end)
  end

  def page(%Request{segments: ["metrics"]} = request, instance) do
    figures(request, instance, "text/plain; version=0.0.4", :metrics, fn ->
      Metrics.render(instance)
    end)
  end

  def page(%Request{}, _instance), do: text(404, "404: Not Found. / says what is here.\n")

  defp figures(request, instance, type, name, render) do
    with :ok <- allowed(request, instance, Instance.get(instance, :pages, :public)),
         {:ok, body} <-
           Cache.fetch(instance, name, @render, fn -> IO.iodata_to_binary(render.()) end) do
      %Response{status: 200, headers: [{"Content-Type", type}], body: body}
    else
      {:error, %Response{} = refusal} -> refusal
      {:error, :unavailable} -> text(503, "503: Service Unavailable\n")
    end
  end

  defp allowed(_request, _instance, :public), do: :ok
  defp allowed(request, instance, :operator), do: Api.operator(request, instance)

  defp text(status, body) do
    %Response{
      status: status,
      headers: [{"Content-Type", "text/plain; charset=utf-8"}],
      body: body
    }
  end

  defp home(instance) do
    url = Instance.fetch!(instance, :url)

    rows =
      for {label, value} <- Metrics.summary(instance) do
        ["<tr><th>", label, "</th><td>", value, "</td></tr>"]
      end

    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Guildhall</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem;
             color: #1c1e26; background: #fbfaf7 }
      h1 { margin-bottom: 0 } h2 { font-size: 1rem; margin-top: 2rem }
      table { border-collapse: collapse } th { text-align: left; font-weight: normal; padding-right: 2rem }
      td { text-align: right; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #e4e0d6 }
      code { background: #efece3; padding: .1em .3em; border-radius: .2em }
      @media (prefers-color-scheme: dark) { body { color: #dcdad4; background: #17181c }
        tr { border-color: #33343a } code { background: #26272d } a { color: #9db8ff } }
    </style>
    <h1>Guildhall</h1>
    <p>A chat node that speaks Discord's wire protocol: gateway v10 and REST v10.
    Bot libraries work with one URL changed.</p>
    <h2>What it is doing</h2>
    <table>#{rows}</table>
    <h2>Where to go</h2>
    <p>Point a client's REST base at <code>#{url}/api</code>; it learns the gateway from there.
    <a href="health">/health</a> says whether the node lives,
    <a href="metrics">/metrics</a> is for Prometheus.</p>
    <p>The folder <code>examples/</code> of the project holds bots to copy, and
    <code>README.md</code> how to begin.</p>
    </html>
    """
  end
end
