// A node-opcua client as its documentation has it; prints a JSON line for each value and event.
// Arguments: endpoint, line, folder for its certificate, "None" or "SignAndEncrypt".
// It reconnects by itself; nothing here restores a session or a subscription.
const opcua = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const [, , endpoint, line, folder, mode] = process.argv;
const say = (what) => console.log(JSON.stringify(what));

(async () => {
  const pki = new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
  });
  await pki.initialize();
  const client = opcua.OPCUAClient.create({
    applicationName: "bench",
    endpointMustExist: false,
    keepSessionAlive: true,
    clientCertificateManager: pki,
    securityMode: opcua.MessageSecurityMode[mode],
    securityPolicy: opcua.SecurityPolicy[mode === "None" ? "None" : "Basic256Sha256"],
    connectionStrategy: { maxRetry: -1, initialDelay: 200, maxDelay: 2000 },
  });
  client.on("connection_lost", () => say({ state: "lost" }));
  client.on("connection_reestablished", () => say({ state: "reestablished" }));
  await client.createDefaultCertificate();
  say({ certificate: client.certificateFile });
  await new Promise((go) => process.stdin.once("data", go));
  await client.connect(endpoint);
  const session = await client.createSession();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  for (const name of ["Heartbeat", "Gas", "FrameAgeMs"]) {
    const item = await subscription.monitor(
      { nodeId: `ns=2;s=${line}.${name}`, attributeId: opcua.AttributeIds.Value },
      { samplingInterval: 100, queueSize: 10, discardOldest: true },
      opcua.TimestampsToReturn.Both,
    );
    item.on("changed", (data) =>
      say({ name, value: data.value.value, status: data.statusCode.name }));
  }
  const fields = ["EventType", "ConditionName", "ActiveState.Id", "AckedState.Id", "Retain"];
  const alarms = await subscription.monitor(
    { nodeId: "i=2253", attributeId: opcua.AttributeIds.EventNotifier },
    {
      queueSize: 100,
      filter: opcua.constructEventFilter(fields, opcua.ofType("AlarmConditionType")),
    },
    opcua.TimestampsToReturn.Both,
  );
  alarms.on("changed", (values) => say({ event: values.map((each) => String(each.value)) }));
  say({ state: "subscribed" });
})().catch((error) => {
  say({ failed: String(error.message).slice(0, 300) });
  process.exit(1);
});
